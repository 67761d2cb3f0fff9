import { bytesOf } from "../../quantity.js";
import { asFields, asText } from "../fields.js";
import type { Fields, KubeObject } from "../types.js";
import { containersOf } from "./pod-state.js";

/** Thousandths of a processor that a quantity stands for, such as "250m" or "2". */
export function milliOf(quantity: unknown): number {
  const text = asText(quantity);
  const milli = /^(\d+)m$/.exec(text)?.[1];
  if (milli !== undefined) return Number(milli);
  return /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text) * 1000) : Number(bytesOf(quantity) ?? 0n) * 1000;
}

/** What a pod asks for of one resource, or may use of it, in thousandths of a processor or in whole units. */
export function askedFor(pod: KubeObject, of: "requests" | "limits", resource: string): number {
  const amount = (container: Fields): number => {
    const { requests, limits } = asFields(container.resources);
    // Who limits and does not ask, asks for as much.
    const given = of === "limits" ? asFields(limits) : { ...asFields(limits), ...asFields(requests) };
    return amountOf(resource, given[resource]);
  };
  return containersOf(pod).reduce((sum, container) => sum + amount(container), 0);
}

/** A quantity of a resource as a number. */
export function amountOf(resource: string, quantity: unknown): number {
  if (quantity === undefined) return 0;
  return resource.endsWith("cpu") ? milliOf(quantity) : Number(bytesOf(quantity) ?? 0n);
}

/** A number of a resource as Kubernetes writes it. */
export function quantityOf(resource: string, amount: number): string {
  if (resource.endsWith("cpu")) return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`;
  const mebi = 1024 * 1024;
  return resource.endsWith("memory") && amount > 0 && amount % mebi === 0 ? `${amount / mebi}Mi` : String(amount);
}
