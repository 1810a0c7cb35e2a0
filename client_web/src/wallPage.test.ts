import { expect, it } from "vitest";
import { columnsFor } from "./wallPage";

it("makes the wall as square as can be, at most four wide", () => {
  expect([0, 1, 2, 4, 5, 9, 10, 16, 17, 40].map(columnsFor)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 4, 4]);
});
