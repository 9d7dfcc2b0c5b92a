import { expect, it } from "vitest";
import { inkOn } from "#/features/flame/look";

/** Contrast of black or white with a colour, by the words of WCAG 2. */
function contrast(ink: string, [red, green, blue]: readonly [number, number, number]): number {
  const linear = (value: number) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return ink === "#ffffff" ? 1.05 / (luminance + 0.05) : (luminance + 0.05) / 0.05;
}

it("writes on any colour so that it can be read", () => {
  for (let red = 0; red < 256; red += 15) {
    for (let green = 0; green < 256; green += 15) {
      for (let blue = 0; blue < 256; blue += 15) {
        const ink = inkOn(`rgb(${red}, ${green}, ${blue})`);
        expect(contrast(ink, [red, green, blue])).toBeGreaterThanOrEqual(4.5);
      }
    }
  }
});
