import type { WholeRelease } from "../spec/content.js";
import { argoEngine } from "./charts/argo.js";
import { fluxEngine } from "./charts/flux.js";
import type { Engine } from "./engine.js";
import { imageEngine } from "./images/engine.js";

/** What makes the objects of a release. */
export function engineOf({ source }: WholeRelease): Engine {
  if (source.type === "image") return imageEngine;
  return source.engine === "flux" ? fluxEngine : argoEngine;
}
