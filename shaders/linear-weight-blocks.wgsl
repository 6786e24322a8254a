// The 4 × 4 blocks w{c} of W at four values k of `inner` and the vec4 of columns column{c}; w{c} · (four values of x) is what they add.
//#for c VECTORS
//#if NK
    let at{c} = column{c} * 4u * deep + k;
    let w{c} = transpose(mat4x4f(loadWeight(at{c}), loadWeight(at{c} + deep), loadWeight(at{c} + 2u * deep), loadWeight(at{c} + 3u * deep)));
//#else
    let at{c} = k * 4u * across + column{c};
    let w{c} = mat4x4f(loadWeight(at{c}), loadWeight(at{c} + across), loadWeight(at{c} + 2u * across), loadWeight(at{c} + 3u * across));
//#endif
//#endfor
