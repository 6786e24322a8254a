/** The first screen's picture of a weight: factors are moved by keyboard and by dragging, and the weight follows. */
import { expect } from '@playwright/test';
import { inEveryDress } from './dress';
import { open, smallRecipe, test, trainToEnd } from './page';

test('HUT scales what is moved, LoRA adds, full fine-tuning changes one cell; the head leaves all as it was', async ({
  page,
}) => {
  const methods = [...smallRecipe.methods, { method: 'full' }, { method: 'head' }];
  await open(page, { ...smallRecipe, methods });
  const figure = (name: string) => page.getByRole('figure', { name, exact: true });
  const changed = (name: string) => figure(name).getByRole('img', { name: /^W_new of .* changed$/ });
  for (const name of ['HUT', 'LoRA', 'Full fine-tuning', 'Head only'])
    await expect(changed(name)).toHaveAccessibleName(/: 0 % changed$/);

  const value = page.getByRole('slider', { name: 'Value of m_A, HUT' });
  await value.focus();
  for (let i = 0; i < 10; i++) await value.press('ArrowRight');
  await expect(changed('HUT')).not.toHaveAccessibleName(/: 0 % changed$/);
  await figure('HUT').getByRole('button', { name: 'Put back' }).click();
  await expect(changed('HUT')).toHaveAccessibleName(/: 0 % changed$/);

  const grasp = async (name: string, of: string) => {
    const canvas = figure(of).getByRole('img', { name });
    await canvas.scrollIntoViewIfNeeded();
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 - 60, { steps: 4 });
    await page.mouse.up();
    await expect(changed(of)).not.toHaveAccessibleName(/: 0 % changed$/);
  };
  await grasp('sB of LoRA', 'LoRA');
  await grasp('W_new of Full fine-tuning', 'Full fine-tuning');
  await expect(figure('Head only').getByRole('slider')).toHaveCount(0);
  await inEveryDress(page, 'moved factors');
  await page.getByRole('combobox', { name: 'Weight' }).selectOption('down');
  await expect(changed('LoRA')).toHaveAccessibleName(/: 0 % changed$/);
});

test('a run tells how far its weights have moved, and draws them', async ({ page }) => {
  await open(page, smallRecipe);
  await trainToEnd(page);
  const strip = (name: string) => page.getByRole('region', { name: `Weight changes of ${name}` });
  for (const name of ['HUT', 'LoRA']) {
    // Four blocks, the query and the value of each.
    await expect(strip(name).getByRole('cell')).toHaveCount(8);
    for (const cell of await strip(name).getByRole('cell').allTextContents()) expect(Number(cell)).toBeGreaterThan(0);
  }
  await page.getByRole('button', { name: 'Draw one weight' }).click();
  const weight = page.getByRole('img', { name: /^W_new of HUT/ });
  await expect(weight).toBeVisible();
  await expect(weight).not.toHaveAccessibleName(/: 0 % changed$/);
  await inEveryDress(page, 'a run’s weights');
});
