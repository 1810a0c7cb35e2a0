/** uPlot with its styles, in a file of its own so that only the health page loads it. */
import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";

export { uPlot };
