// Preloaded into the replicas of a soak: what is garbage is collected before it is measured, so that what a replica
// holds shows within minutes and not only after the engine has collected of its own accord.
const EVERY_MS = 2_000;

setInterval(() => globalThis.gc?.(), EVERY_MS).unref();
