import * as tf from "@tensorflow/tfjs-core";
import type { Network } from "../networks/network.ts";
import { AdamW, CoupledAdam } from "./adamw.ts";
import { Muon } from "./muon.ts";
import { Sgd } from "./sgd.ts";

export interface UpdateRates {
  /** Which update this is, from 1. */
  readonly update: number;
  readonly learningRate: number;
  readonly weightDecay: number;
}

export interface Optimizer {
  /** What it remembers between updates, by name. */
  readonly state: ReadonlyMap<string, tf.Variable>;
  /** One update; `gradients` is keyed as the weights are. Called inside tf.tidy. */
  update(gradients: ReadonlyMap<string, tf.Tensor>, rates: UpdateRates): void;
}

export interface OptimizerSettings {
  readonly optimizer: OptimizerName;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly momentum: number;
  readonly muonFactor: number;
}

type Trained = Pick<Network, "weights" | "hiddenMatrices">;

const optimizers = {
  adamw: ({ weights }: Trained, settings: OptimizerSettings) => new AdamW(weights, settings),
  adam: ({ weights }: Trained, settings: OptimizerSettings) => new CoupledAdam(weights, settings),
  sgd: ({ weights }: Trained, settings: OptimizerSettings) => new Sgd(weights, settings),
  muon: (network: Trained, settings: OptimizerSettings) => new Muon(network, settings),
} satisfies Record<string, (network: Trained, settings: OptimizerSettings) => Optimizer>;

export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = Object.keys(optimizers) as OptimizerName[];

export const createOptimizer = (network: Trained, settings: OptimizerSettings): Optimizer =>
  optimizers[settings.optimizer](network, settings);

export function disposeOptimizer({ state }: Optimizer): void {
  tf.dispose([...state.values()]);
}
