/** Counts of truth (rows) against answers (columns); the shade is the share of the row. */
export function Confusion({
  colour,
  title,
  labels,
  counts,
}: {
  colour: string;
  title: string;
  labels: readonly string[];
  counts: readonly (readonly number[])[];
}) {
  return (
    <table className="confusion">
      <caption>{title}</caption>
      <thead>
        <tr>
          <td className="quiet" style={{ padding: 2 }}>
            truth ↓ answer →
          </td>
          {labels.map((label) => (
            <th key={label} scope="col">
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {counts.map((row, truth) => {
          const total = row.reduce((sum, count) => sum + count, 0);
          return (
            <tr key={labels[truth]}>
              <th scope="row">{labels[truth]}</th>
              {row.map((count, answer) => {
                const share = total ? count / total : 0;
                return (
                  <td
                    key={labels[answer]}
                    title={`${Math.round(100 * share)}% of ${labels[truth]}`}
                    style={{
                      background: `color-mix(in srgb, ${colour} ${Math.round(45 * share)}%, var(--panel))`,
                      fontWeight: truth === answer ? 600 : 400,
                    }}
                  >
                    {count}
                  </td>
                );
              })}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
