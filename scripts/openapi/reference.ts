import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { OpenApi, Operation } from "./document.js";
import { isObject } from "./rules.js";

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 1px solid #ccd; } h3 { margin-top: 2rem; }
h3 a, nav a { text-decoration: none; } a { color: #0550ae; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-top: 1px solid #ccd; }
td p { margin: 0; } .facts { color: #57606a; } summary { cursor: pointer; }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117; } a { color: #79c0ff; } .facts { color: #9198a1; } }
`;

/** The page that shows the document: HTML alone, without scripts, images or files of others. */
export function referenceOf(document: OpenApi): string {
  const { info, tags, paths, components } = document;
  const operations = Object.entries(paths);
  const services = tags.map(({ name, description }) => {
    const own = operations.filter(([, { post }]) => post.tags.includes(name));
    return `<h2 id="${escaped(name)}">${escaped(name)}</h2>\n${prose(description)}\n${own
      .map(([path, { post }]) => operationOf(path, post))
      .join("\n")}`;
  });
  const schemas = Object.entries(components.schemas).flatMap(([name, schema]) =>
    isObject(schema) ? [schemaOf(name, schema)] : [],
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)} API</title>
<style>${style}</style>
</head>
<body>
<h1>${escaped(info.title)} API ${escaped(info.version)}</h1>
${prose(info.description)}
<p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>
<nav><ul>
${tags.map(({ name }) => `<li><a href="#${escaped(name)}">${escaped(name)}</a></li>`).join("\n")}
<li><a href="#schemas">Schemas</a></li>
</ul></nav>
${services.join("\n")}
<h2 id="schemas">Schemas</h2>
${schemas.join("\n")}
</body>
</html>
`;
}

function operationOf(path: string, operation: Operation): string {
  const id = escaped(operation.operationId);
  const facts = [
    ...(operation.deprecated ? ["deprecated"] : []),
    ...(operation["x-slipway-roles"] === undefined ? [] : [`roles: ${operation["x-slipway-roles"].join(", ")}`]),
    ...(operation["x-slipway-visibility"] === undefined ? [] : [`visibility: ${operation["x-slipway-visibility"]}`]),
    ...(operation["x-slipway-chargeable"] ? ["may cost money"] : []),
    ...(operation["x-slipway-stream"] === undefined ? [] : [`stream: ${operation["x-slipway-stream"]}`]),
  ];
  return `<h3 id="${id}"><a href="#${id}">POST</a> <code>${escaped(path)}</code></h3>
${prose(operation.description)}
<p class="facts">${escaped(facts.join("; "))}</p>
<p>Request: ${bodyLink(operation.requestBody)}. Answer: ${bodyLink(operation.responses["200"])}. Errors: ${link("connect.Error")}.</p>
<details><summary>Example</summary><pre>${exampleOf(operation.requestBody)}</pre><p>answers</p><pre>${exampleOf(operation.responses["200"])}</pre></details>`;
}

function exampleOf(body: JsonValue | undefined): string {
  return escaped(JSON.stringify(mediaOf(body)?.example ?? {}, null, 1));
}

/** What is said of a body, however it is sent. */
function mediaOf(body: JsonValue | undefined): JsonObject | undefined {
  const media = isObject(body) && isObject(body.content) ? Object.values(body.content)[0] : undefined;
  return isObject(media) ? media : undefined;
}

/** A link to the schema of a body. */
function bodyLink(body: JsonValue | undefined): string {
  const media = mediaOf(body);
  return media === undefined ? "none" : typeOf(media.schema ?? media["x-slipway-message"]);
}

function schemaOf(name: string, schema: JsonObject): string {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const rows = Object.entries(isObject(schema.properties) ? schema.properties : {}).flatMap(([field, property]) =>
    isObject(property)
      ? [
          `<tr><td><code>${escaped(field)}</code>${required.includes(field) ? " (required)" : ""}</td>` +
            `<td>${typeOf(property)}${limits(property)}</td><td>${proseOf(property)}</td></tr>`,
        ]
      : [],
  );
  const table =
    rows.length === 0 ? "" : `<table><tr><th>Field</th><th>Type</th><th></th></tr>\n${rows.join("\n")}\n</table>`;
  const id = `schema-${escaped(name)}`;
  return `<h3 id="${id}"><a href="#${id}"><code>${escaped(name)}</code></a></h3>\n${proseOf(schema)}\n${table}${choicesOf(schema)}`;
}

/** Which fields exclude each other. */
function choicesOf({ allOf }: JsonObject): string {
  const choices = (Array.isArray(allOf) ? allOf : []).flatMap((choice) =>
    isObject(choice) && Array.isArray(choice.oneOf) ? [choice.oneOf] : [],
  );
  return choices
    .map((choice) => {
      const names = choice.flatMap((one) => (isObject(one) && Array.isArray(one.required) ? one.required : []));
      const amount = names.length === choice.length ? "Exactly one of" : "At most one of";
      return `\n<p>${amount} ${names.map((name) => `<code>${escaped(String(name))}</code>`).join(", ")}.</p>`;
    })
    .join("");
}

function proseOf({ description }: JsonObject): string {
  return typeof description === "string" ? prose(description) : "";
}

/** The type of a value in words, with links to the schemas of which it is made. */
function typeOf(schema: JsonValue | undefined): string {
  if (!isObject(schema)) return "anything";
  if (typeof schema.$ref === "string") return link(schema.$ref.replace("#/components/schemas/", ""));
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (isObject(schema.additionalProperties)) return `map of ${typeOf(schema.additionalProperties)}`;
  if (typeof schema.type !== "string") return isObject(schema) && "anyOf" in schema ? "number" : "anything";
  return [schema.type, schema.format, schema.contentEncoding].filter((word) => typeof word === "string").join(", ");
}

const limiting = new Set(
  "minLength maxLength pattern minimum maximum minItems maxItems minProperties maxProperties enum const anyOf not".split(
    " ",
  ),
);

/** The rules of a field as JSON Schema says them. */
function limits(schema: JsonObject): string {
  const said = Object.entries(schema).filter(([key]) => limiting.has(key));
  return said.map(([key, value]) => `<br><code>${escaped(`${key}: ${JSON.stringify(value)}`)}</code>`).join("");
}

function link(name: string): string {
  return `<a href="#schema-${escaped(name)}"><code>${escaped(name)}</code></a>`;
}

/** Paragraphs, lists of "- " lines, and `code`. */
function prose(text: string): string {
  return text
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => {
      const words = escaped(part).replace(/`([^`]+)`/g, "<code>$1</code>");
      if (!words.startsWith("- ")) return `<p>${words}</p>`;
      return `<ul>${words
        .split(/^- /m)
        .slice(1)
        .map((item) => `<li>${item.trim()}</li>`)
        .join("")}</ul>`;
    })
    .join("\n");
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
