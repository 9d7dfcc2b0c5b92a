import { ApiError, ServerAwayError } from "#/api/client";
import { AwayNote, ErrorNote } from "#/ui/states";

/** Shows why something could not be read. `since` says how old what is shown is, where there is any. */
export function Failure(props: { error: unknown; what: string; since?: string | undefined; onRetry: () => void }) {
  const { error, what, since, onRetry } = props;
  if (error instanceof ServerAwayError) return <AwayNote since={since} onRetry={onRetry} />;
  const { message, code } = words(error);
  return <ErrorNote title={`${what} could not be read.`} message={message} code={code} onRetry={onRetry} />;
}

/** The sentence and code of an error: the server's own where it wrote one. */
export function words(error: unknown): { message: string; code: string | undefined } {
  if (error instanceof ApiError) {
    const fields = error.fields.map((field) => `${field.name}: ${field.message}`).join(" ");
    return { message: [error.message, fields].filter(Boolean).join(" "), code: error.code };
  }
  if (error instanceof Error) return { message: error.message, code: undefined };
  return { message: "Something went wrong in this page.", code: undefined };
}
