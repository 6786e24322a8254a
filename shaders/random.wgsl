// Counter-based randomness: element `index` at dropout `site` in the step seeded `seed` is kept or dropped by a hash alone (the PCG
// output permutation, O'Neill 2014), so masks need no memory and a resumed run repeats them.

fn hash(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn dropoutKey(seed: u32, site: u32) -> u32 { return hash(seed ^ hash(site)); }

fn keeps(key: u32, index: u32, threshold: u32) -> bool { return hash(index ^ key) >= threshold; }
