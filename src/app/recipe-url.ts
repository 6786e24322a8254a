/** The recipe lives in the address, after `#recipe=`: a link is a run. It is plain JSON, percent-encoded, and checked like a file. */
import { loadRecipeText } from './recipe-edit';
import { reportError, useApp } from './store';

const prefix = '#recipe=';
/** Longer than any real recipe. */
const longest = 100_000;

export const recipeHash = (json: unknown) => prefix + encodeURIComponent(JSON.stringify(json));

/** Reads the address once, then keeps it up to date; a link pasted into the same tab is followed too. */
export function followUrl(): void {
  const read = () => {
    const { hash } = location;
    if (!hash.startsWith(prefix) || hash === recipeHash(useApp.getState().json)) return;
    try {
      loadRecipeText(hash.length > longest ? '' : decodeURIComponent(hash.slice(prefix.length)));
    } catch (error) {
      reportError(error);
    }
  };
  read();
  addEventListener('hashchange', read);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let written = useApp.getState().recipe;
  useApp.subscribe(({ recipe, json }) => {
    // Typing changes the recipe with every key; browsers limit how often an address may change.
    if (!recipe || recipe === written) return;
    written = recipe;
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, '', recipeHash(json)), 300);
  });
}
