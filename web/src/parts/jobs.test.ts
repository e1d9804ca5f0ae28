import { expect, test } from "vitest";
import type { Job } from "../api/types";
import { arrangeJobs, countEnded, describeJob } from "./jobs";

const make = (id: string, state: Job["state"], place: number | null = null, text = "tiny"): Job => ({
  id, kind: "parse", state, queue_place: place, created_at: "", started_at: null, finished_at: null, progress: { text }, report: null, error: null,
});

test("what is at work comes first, then the queue in its order, then what ended; nothing that waits is hidden", () => {
  const ended = Array.from({ length: 7 }, (_, k) => make(`e${k}`, k === 0 ? "cancelled" : "done"));
  const waiting = Array.from({ length: 8 }, (_, k) => make(`q${8 - k}`, "queued", 8 - k));
  const { shown, numOlder } = arrangeJobs([...waiting, make("r", "running"), ...ended]);
  expect(shown.map((one) => one.id)).toEqual(["r", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "e0", "e1", "e2", "e3", "e4"]);
  expect([numOlder, countEnded([...waiting, ...ended])]).toEqual([2, 7]);
});

test("who waits is told for how many", () => {
  expect(describeJob(make("a", "queued", 1))).toBe("tiny: next in the queue");
  expect(describeJob(make("a", "queued", 3))).toBe("tiny: number 3 in the queue");
  expect(describeJob(make("a", "running", null, "alpha: reading"))).toBe("alpha: reading");
  expect(describeJob({ ...make("a", "failed"), error: "no such bundle" })).toBe("no such bundle");
});
