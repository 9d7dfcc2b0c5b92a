/** The lines of a log that hold a text, upper and lower case alike; all of them where nothing is searched for. */
export function found(text: string, search: string): string[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const wanted = search.toLowerCase();
  return wanted === "" ? lines : lines.filter((line) => line.toLowerCase().includes(wanted));
}
