/**
 * Errors a person can act on.
 *
 * Everything that can go wrong because of what came in from outside (a file, a recipe, a device) is thrown as a
 * `UserError`: one sentence that says what is wrong, where, and what to do. Anything else that is thrown is a bug of ours.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /** @param code stable, machine-readable, `room/what`, e.g. `safetensors/truncated` */
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
