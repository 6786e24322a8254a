/** Names the adapter that this process gets; `npm run test:drivers` asks it of each driver. Exit code 1 and the reason where there is none. */
import { UserError } from '../errors';
import { adapterLabel, Gpu } from '../gpu/device';

export async function main(): Promise<number> {
  try {
    const gpu = await Gpu.open();
    console.log(adapterLabel(gpu.identity));
    gpu.close();
    return 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    return 1;
  }
}
