CREATE TABLE "request_counts" (
	"method" text NOT NULL,
	"route" text NOT NULL,
	"status" integer NOT NULL,
	"seconds" double precision NOT NULL,
	"buckets" bigint[] NOT NULL,
	CONSTRAINT "request_counts_method_route_status_pk" PRIMARY KEY("method","route","status")
);
