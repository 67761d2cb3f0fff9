import { describe, it } from "vitest";
import { needs } from "../support/tools.js";
import { runDocument } from "./support/run-document.js";

describe.skipIf(!needs("kubectl"))("the documents to begin with", () => {
  it("README.md", () => runDocument("README.md"), 180_000);
});
