import { checkNetwork } from "./networks/networks.ts";
import { checkSchedule } from "./optimizers/schedule.ts";
import type { Settings } from "./settings.ts";
import type { Task } from "./tasks/task.ts";
import { createTask } from "./tasks/tasks.ts";
import { checkTrainingSets } from "./training-examples.ts";

/** The task to train on. Throws UsageError where the settings ask for what does not fit together, now or at some step. */
export function taskOf(settings: Settings): Task {
  checkSchedule(settings);
  const task = createTask(settings);
  checkTrainingSets(task, settings);
  checkNetwork(settings, task);
  return task;
}
