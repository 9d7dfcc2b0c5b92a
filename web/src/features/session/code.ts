/** The code of a sign-in link, pasted alone or with the link around it; undefined where there is none. */
export function codeFrom(text: string): string | undefined {
  const trimmed = text.trim();
  const inLink = /[#&]code=([^&\s]+)/.exec(trimmed)?.[1];
  if (inLink === undefined) return /^[\w.~-]+$/.test(trimmed) ? trimmed : undefined;
  try {
    return decodeURIComponent(inLink);
  } catch {
    // A link cut in the middle of an escape.
    return undefined;
  }
}
