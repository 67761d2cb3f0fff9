export { configChangeOf } from "./config.js";
export { processesOf } from "./process.js";
export { scaleOf } from "./scale.js";
export { sourceOf } from "./source.js";
