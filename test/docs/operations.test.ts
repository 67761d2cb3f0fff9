import { runGroup } from "./support/run-group.js";

runGroup("operations");
