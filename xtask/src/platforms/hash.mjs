// Prints one line `seed hash` per seed, as computed by a wasm module:
//     node hash.mjs MODULE FROM SEEDS SECONDS
// The module must import nothing: the core has no clock, no entropy and no world to ask.
import { readFile } from "node:fs/promises";

const [path, from, seeds, seconds] = process.argv.slice(2);
const module = await WebAssembly.compile(await readFile(path));
const imports = WebAssembly.Module.imports(module);
if (imports.length !== 0) {
    const names = imports.map(({ module, name }) => `${module}.${name}`);
    console.error(`the module imports ${names.join(", ")}; it must import nothing`);
    process.exit(1);
}
const { exports } = await WebAssembly.instantiate(module, {});
const end = BigInt(from) + BigInt(seeds);
for (let seed = BigInt(from); seed < end; seed += 1n) {
    const hash = BigInt.asUintN(64, exports.trace_hash(seed, Number(seconds)));
    console.log(`${seed} ${hash.toString(16).padStart(16, "0")}`);
}
