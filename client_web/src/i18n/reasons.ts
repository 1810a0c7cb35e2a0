/** Translates a reason of the server, which may be several joined by semicolons; what is not known stays as it is. */
export function translateReason(reason: string, known: Readonly<Partial<Record<string, string>>>): string {
  return reason
    .split("; ")
    .map((part) => known[part] ?? part)
    .join("; ");
}
