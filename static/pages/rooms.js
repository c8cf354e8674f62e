import { find } from "./dom.js";
import { startLivePage } from "./live-page.js";
import { localise } from "./times.js";

startLivePage();
localise(find(document, "main"));
