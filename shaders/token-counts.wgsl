// Whether token i of row b, which predicts token i + 1, counts: that lies between the row's start and its length.
fn counts(n: u32) -> bool {
  let b = n / params.length;
  let next = n % params.length + 1u;
  return next >= u32(starts[b]) && next < lengths[b];
}
