import { importSuite } from "./suites.ts";

await importSuite("browser");
