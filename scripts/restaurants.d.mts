export function restaurantFiles(): Record<'train.csv' | 'validation.csv', string>;
