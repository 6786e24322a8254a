/**
 * Methods that train tensors of the pre-trained model in place: how these are listed, and the adapter folder that holds them, which
 * is PEFT's in shape (`base_model.model.` before `transformers`' own names) though `peft` has no such method.
 */
import type { ModelTensor } from '../../models/core/model';
import type { AdaptedModel, AdapterFormat, PythonModule, TrainedTensor } from './method';

export const inPlace = (tensors: readonly ModelTensor[]): TrainedTensor[] =>
  tensors.map(({ name, shape }) => ({ name, shape, decayTarget: 0 }));

/** Whether a tensor belongs to a module, named by its path or an end of it after a dot. */
export const insideModule = (tensor: string, module: string): boolean => `.${tensor}`.includes(`.${module}.`);

/**
 * The folder of a method that trains in place.
 *
 * @param settings what the names of the tensors tell about the settings
 */
export function inPlaceFormat<Settings extends object>(
  peftType: string,
  settings: (names: ReadonlySet<string>, model: AdaptedModel) => Partial<Settings> = () => ({}),
): AdapterFormat<Settings> {
  return {
    peftType,
    inPeft: false,
    config: (given): Record<string, unknown> => Object.fromEntries(Object.entries(given)),
    settings: ({ tensors, model }) => settings(new Set(tensors.keys()), model),
  };
}

export const inPlacePython: PythonModule = {
  code: `
def load_adapter(model, file):
    """Writes what was trained over the base model's own tensors; everything else is frozen."""
    trained = {key.removeprefix("base_model.model."): value for key, value in load_file(file).items()}
    unknown = model.load_state_dict(trained, strict=False).unexpected_keys
    assert not unknown, unknown
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    return model
`,
  imports: ['from safetensors.torch import load_file, save_file'],
};
