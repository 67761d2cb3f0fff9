import { relative } from "node:path";
import { defineConfig, type Plugin } from "vite";

const root = `${import.meta.dirname}/..`;
/** What of the server belongs to the program's start; the rest is loaded from where it was compiled to. */
const startOfServer = ["main", "build", "root", "commands/operator"].map((name) => `dist/src/${name}.js`);

/** Leaves the server out: its commands are loaded from dist/src when they run. */
const withoutServer: Plugin = {
  name: "without-server",
  enforce: "pre",
  async resolveId(source, importer, options) {
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    if (found === null) return null;
    const path = relative(root, found.id);
    if (!path.startsWith("dist/src/") || startOfServer.includes(path)) return found;
    // As it is seen from the bundle, all of whose files lie in dist/program.
    return { id: relative("dist/program", path), external: "absolute" };
  },
};

/**
 * Bundles the start of the program, with the commands of users, into some twenty files: reading hundreds of small ones
 * takes longer than all that a command does. It bundles what tsc has compiled.
 */
export default defineConfig({
  root,
  plugins: [withoutServer],
  ssr: { noExternal: true },
  build: {
    ssr: "dist/src/main.js",
    target: "node20",
    minify: false,
    rolldownOptions: {
      makeAbsoluteExternalsRelative: false,
      output: { entryFileNames: "main.js", chunkFileNames: "[name]-[hash].js" },
    },
  },
});
