/** Encoder for tests, written from the description in docs/protocol.md and cocoapi's rleToString. */
export function encodeRuns(runs: readonly number[]): string {
  let text = "";
  runs.forEach((run, index) => {
    let value = index > 2 ? run - runs[index - 2]! : run;
    for (let more = true; more; ) {
      let group = value & 0x1f;
      value >>= 5;
      more = (group & 0x10) !== 0 ? value !== -1 : value !== 0;
      if (more) group |= 0x20;
      text += String.fromCharCode(48 + group);
    }
  });
  return text;
}

/** @param rows picture rows, `#` for foreground. */
export function encodeRows(rows: readonly string[]): { size: [number, number]; counts: string } {
  const height = rows.length;
  const width = rows[0]!.length;
  const runs = [0];
  let value = false;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const bit = rows[y]![x] === "#";
      if (bit !== value) {
        runs.push(0);
        value = bit;
      }
      runs[runs.length - 1]!++;
    }
  }
  return { size: [height, width], counts: encodeRuns(runs) };
}
