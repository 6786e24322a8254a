/** What the worker and the command line need to write exports. */
export { exportExtras } from './extras';
export { adapterFolder, mergedFolder, predictionFiles } from './folders';
