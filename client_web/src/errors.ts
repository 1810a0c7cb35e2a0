/**
 * ViewerError
 *   ApiError            the server answered with a problem document (or something unreadable)
 *   UnreachableError    no answer at all
 *   MessageError        a message of the mask socket breaks the protocol
 *   MaskError           the run lengths of a mask do not describe its picture
 */
export class ViewerError extends Error {
  override name = "ViewerError";
}

/** An answer outside 2xx. `code` is the stable code of the problem document. */
export class ApiError extends ViewerError {
  override name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }
}

export class UnreachableError extends ViewerError {
  override name = "UnreachableError";
}

/** `sequence` is set when the broken message was a mask that still has to be acknowledged. */
export class MessageError extends ViewerError {
  override name = "MessageError";

  constructor(
    message: string,
    readonly sequence: number | null = null,
  ) {
    super(message);
  }
}

export class MaskError extends ViewerError {
  override name = "MaskError";
}

/** One line for people, whatever was thrown. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
