// Activations and their derivatives, included by the kernels that apply them.
//   gelu       x Φ(x), Φ by erf as a rational function (the coefficients of Eigen and XLA, about 1e-7 absolute in f32)
//   gelu_tanh  0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))

fn erf(x: f32) -> f32 {
  let c = clamp(x, -4.0, 4.0);
  let s = c * c;
  var p = -2.72614225801306e-10;
  p = p * s + 2.77068142495902e-08;
  p = p * s - 2.10102402082508e-06;
  p = p * s - 5.69250639462346e-05;
  p = p * s - 7.34990630326855e-04;
  p = p * s - 2.95459980854025e-03;
  p = p * s - 1.60960333262415e-02;
  var q = -1.45660718464996e-05;
  q = q * s - 2.13374055278905e-04;
  q = q * s - 1.68282697438203e-03;
  q = q * s - 7.37332916720468e-03;
  q = q * s - 1.42647390514189e-02;
  return c * p / q;
}

// Some drivers overflow inside tanh for large arguments.
fn safeTanh(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }

//#if ACTIVATION_GELU
fn activate(x: f32) -> f32 { return 0.5 * x * (1.0 + erf(x * 0.70710678118654752)); }
fn activateGradient(x: f32) -> f32 { return 0.5 * (1.0 + erf(x * 0.70710678118654752)) + x * exp(-0.5 * x * x) * 0.39894228040143268; }
//#endif
//#if ACTIVATION_GELU_TANH
fn activate(x: f32) -> f32 { return 0.5 * x * (1.0 + safeTanh(0.79788456080286536 * (x + 0.044715 * x * x * x))); }
fn activateGradient(x: f32) -> f32 {
  let t = safeTanh(0.79788456080286536 * (x + 0.044715 * x * x * x));
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.79788456080286536 * (1.0 + 0.134145 * x * x);
}
//#endif
//#if ACTIVATION_TANH
fn activate(x: f32) -> f32 { return safeTanh(x); }
fn activateGradient(x: f32) -> f32 { let t = safeTanh(x); return 1.0 - t * t; }
//#endif
//#if ACTIVATION_RELU
fn activate(x: f32) -> f32 { return max(x, 0.0); }
fn activateGradient(x: f32) -> f32 { return select(0.0, 1.0, x > 0.0); }
//#endif
