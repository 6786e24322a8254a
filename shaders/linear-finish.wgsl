// The end of every variant's main: from sums s{r}_{c} (ROWS rows from `row`, VECTORS units of T from `column`) to outputs.
// A thread beyond the matrix has computed on clamped addresses and stores nothing.
//#for c VECTORS
//#for r ROWS
  s{r}_{c} *= params.alpha;
//#endfor
//#endfor
//#if HAS_LOW_RANK
  for (var k = 0u; k < params.rank; k++) {
//#for r ROWS
    let u{r} = params.lowRankAlpha * u[min(row + {r}u, params.rows - 1u) * params.rank + k];
//#endfor
//#for c VECTORS
    let v{c} = loadV(k, min(column + {c}u, across - 1u));
//#for r ROWS
    s{r}_{c} += u{r} * v{c};
//#endfor
//#endfor
  }
//#endif
//#if ROLLED
  // ROLLED. Unrolled, the epilogue of a large tile would be more code than the product, and seconds for the compiler: one loop takes the sums
  // out of an array.
  var sums: array<T, ROWS * VECTORS>;
//#for r ROWS
//#for c VECTORS
  sums[{r}u * VECTORS + {c}u] = s{r}_{c};
//#endfor
//#endfor
  for (var r = row; r < min(row + ROWS, params.rows); r++) {
    for (var c = column; c < min(column + VECTORS, across); c++) { finish(r * across + c, c, sums[(r - row) * VECTORS + c - column]); }
  }
//#else
//#for r ROWS
  if (row + {r}u < params.rows) {
//#for c VECTORS
    if (column + {c}u < across) { finish((row + {r}u) * across + column + {c}u, column + {c}u, s{r}_{c}); }
//#endfor
  }
//#endfor
//#endif
