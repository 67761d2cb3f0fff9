import { runGroup } from "./support/run-group.js";

runGroup("how-to-clusters");
