import { startFrame } from "./frame.js";
import { localise } from "./words.js";

startFrame();
localise(document.querySelector("main"));
