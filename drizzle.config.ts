import { defineConfig } from "drizzle-kit";

// The change feed's table is written by hand in the first migration; its readers use what drizzle cannot say.
export default defineConfig({
  dialect: "postgresql",
  schema: "./src/**/table.ts",
  out: "./migrations",
  casing: "snake_case",
});
