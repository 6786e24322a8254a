// Four values that the threads of a quad loaded, one each, as every one of them sees them. On a software adapter a load is done for each
// lane by itself even where all want the same address, and costs about fifty multiplications; a broadcast is one instruction. A quad is four
// neighbouring lanes of a subgroup of any width (SwiftShader's has 4, lavapipe's 8).
enable subgroups;
// Loops over a batch row's length are the same for a whole workgroup, which is one quad; the compiler cannot know.
diagnostic(off, subgroup_uniformity);
fn spread(value: f32) -> vec4f {
  return vec4f(quadBroadcast(value, 0u), quadBroadcast(value, 1u), quadBroadcast(value, 2u), quadBroadcast(value, 3u));
}
