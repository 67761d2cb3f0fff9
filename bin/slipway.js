#!/usr/bin/env node
import { existsSync } from "node:fs";

const program = new URL("../dist/program/main.js", import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  process.stderr.write("slipway is not compiled yet: run npm run build, or npm start\n");
  process.exitCode = 1;
}
