WITH voided AS (
  SELECT a.event_id, v.event_id AS void_id, (a.event_us - v.event_us) / 1000000 AS seconds,
         v.kind, v.total_minor, v.event_us, v.sequence_no
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos v ON v.tenant_id = a.tenant_id AND v.store_id = a.store_id AND v.register_id = a.register_id
            AND v.operator_id = a.operator_id
            AND v.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us
            AND coalesce(v.sequence_no, 0) <= coalesce(a.sequence_no, coalesce(v.sequence_no, 0))
            AND v.event_id <> a.event_id
  WHERE NOT a.training AND NOT a.test AND NOT v.training
),
taken_off AS (
  SELECT v.event_id, v.void_id, sum(l.extended_minor) AS amount_minor
  FROM voided v
  JOIN lines l ON l.event_id = v.void_id AND l.action = 'VOID'
  GROUP BY v.event_id, v.void_id
),
found AS (
  SELECT v.event_id, v.void_id, v.seconds, v.event_us,
         CASE WHEN v.kind IN ('CANCEL', 'POST_VOID') THEN v.total_minor ELSE t.amount_minor END AS amount_minor,
         row_number() OVER (PARTITION BY v.event_id ORDER BY v.event_us DESC, v.void_id) AS nth
  FROM voided v
  LEFT JOIN taken_off t ON t.event_id = v.event_id AND t.void_id = v.void_id
  WHERE v.kind IN ('CANCEL', 'POST_VOID') OR t.void_id IS NOT NULL
)
SELECT f.event_id AS anchor_id, 'fired' AS outcome, 'void_before' AS why, f.amount_minor AS amount_minor,
       f.void_id AS members, f.seconds AS seconds_since_void
FROM found f
WHERE f.nth = 1
