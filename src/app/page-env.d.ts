/** The hub this build uses unless the visitor names another; from `HF_ENDPOINT` at build time. */
declare const __HUB_ENDPOINT__: string;
