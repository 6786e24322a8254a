// The position of token n of a padded batch: i + positionOffset for token i of its row; padding, where PAD_POSITION, at padPosition.
fn positionOf(n: u32) -> u32 {
  let i = n % params.length;
//#if PAD_POSITION
  if (i >= lengths[n / params.length]) { return params.padPosition; }
//#else
  _ = &lengths;
//#endif
  return i + params.positionOffset;
}
