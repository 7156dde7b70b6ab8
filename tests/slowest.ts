/** Prints which files of tests take longest: `slowest.ts REPORT.xml ...`, with reports that `deno test --junit-path` has written. */
import { DOMParser } from "linkedom";

/** A test with all its steps. */
export interface TimedTest {
  readonly file: string;
  readonly name: string;
  readonly seconds: number;
}

/** Between the name of a test and that of its step, in a report. */
const STEP = " > ";

/** The tests of a report, without their steps, whose time is the test's. */
export function testsOf(report: string): TimedTest[] {
  // As HTML: as XML its attributes keep their entities.
  const cases = [...new DOMParser().parseFromString(report, "text/html").querySelectorAll("testcase")].map(
    (element) => {
      const text = (name: string) => element.getAttribute(name) ?? "";
      return { file: withoutDot(text("classname")), name: text("name"), seconds: Number(text("time")) };
    },
  );
  const known = new Set(cases.map(({ file, name }) => file + STEP + name));
  const isStep = ({ file, name }: TimedTest) => {
    for (let at = name.indexOf(STEP); at >= 0; at = name.indexOf(STEP, at + 1)) {
      if (known.has(file + STEP + name.slice(0, at))) return true;
    }
    return false;
  };
  return cases.filter((one) => !isStep(one));
}

const withoutDot = (path: string) => path.replace(/^\.\//, "");

/** Lines of a table: the files whose tests take longest, one after the other. */
export function slowestFiles(tests: readonly TimedTest[], count = 10): string[] {
  const files = new Map<string, { seconds: number; tests: number }>();
  for (const { file, seconds } of tests) {
    const sum = files.get(file) ?? { seconds: 0, tests: 0 };
    files.set(file, { seconds: sum.seconds + seconds, tests: sum.tests + 1 });
  }
  const rows = [...files].sort(([, a], [, b]) => b.seconds - a.seconds).slice(0, count);
  return [
    `seconds  tests  the ${rows.length} slowest of ${files.size} files of tests`,
    ...rows.map(([file, { seconds, tests }]) =>
      `${seconds.toFixed(1).padStart(7)}  ${`${tests}`.padStart(5)}  ${file}`
    ),
  ];
}

if (import.meta.main) {
  const tests = Deno.args.flatMap((path) => testsOf(Deno.readTextFileSync(path)));
  for (const line of slowestFiles(tests)) console.log(line);
}
