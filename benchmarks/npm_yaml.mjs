// Edits with the npm package `yaml`, for the comparison in a sweep: one JSON request a line on
// stdin ({way, text, path, value}), one answer a line on stdout ({text} or {error}).
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.argv[2] + "/");
const YAML = require("yaml");
const OPTIONS = { version: "1.1", keepSourceTokens: true };

function throughTokens(text, path, value) {
  const tokens = [...new YAML.Parser().parse(text)];
  const [document] = [...new YAML.Composer(OPTIONS).compose(tokens)];
  const node = document.getIn(path, true);
  const plain = YAML.stringify(value, { version: "1.1", lineWidth: 0 }).trimEnd();
  if (typeof value === "string") {
    const bare = node.type === "PLAIN" && /^["'|>]/.test(plain);
    YAML.CST.setScalarValue(node.srcToken, value, bare ? { type: "QUOTE_DOUBLE" } : undefined);
  } else {
    YAML.CST.setScalarValue(node.srcToken, plain, { type: "PLAIN" });
  }
  return tokens.map((token) => YAML.CST.stringify(token)).join("");
}

function throughDocument(text, path, value) {
  const document = YAML.parseDocument(text, { version: "1.1" });
  if (document.errors.length) throw document.errors[0];
  document.setIn(path, value);
  return document.toString({ lineWidth: 0 });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { way, text, path, value } = JSON.parse(line);
  let answer;
  try {
    answer = { text: (way === "tokens" ? throughTokens : throughDocument)(text, path, value) };
  } catch (error) {
    answer = { error: String(error.name) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
