WITH cancelled AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.register_id, a.event_us, a.operator_id, a.supervisor_id,
         c.event_id AS cancel_id, c.event_us AS cancel_us, c.total_minor, c.operator_id AS cancelled_by,
         row_number() OVER (PARTITION BY a.event_id ORDER BY c.event_us DESC, c.event_id) AS nth
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.register_id = a.register_id
            AND c.kind = 'CANCEL' AND c.total_minor >= p.smallest_minor AND NOT c.training AND NOT c.test
            AND c.event_us >= a.event_us - p.within_seconds * 1000000
            AND (c.event_us < a.event_us OR (c.event_us = a.event_us AND coalesce(c.sequence_no < a.sequence_no, true)))
            AND (a.kind <> 'NO_SALE' OR coalesce(c.operator_id <> a.operator_id, true))
  WHERE NOT a.training AND NOT a.test
),
sold AS (
  SELECT c.event_id, count(s.event_id) AS sales
  FROM cancelled c
  JOIN pos s ON s.tenant_id = c.tenant_id AND s.store_id = c.store_id AND s.register_id = c.register_id
            AND s.kind IN ('SALE', 'EXCHANGE', 'RETURN') AND s.event_us BETWEEN c.cancel_us AND c.event_us
  WHERE c.nth = 1
  GROUP BY c.event_id
)
SELECT c.event_id AS anchor_id,
       CASE WHEN s.sales > 0 OR c.supervisor_id <> coalesce(c.operator_id, '') THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN s.sales > 0 THEN 'sold_in_between'
            WHEN c.supervisor_id <> coalesce(c.operator_id, '') THEN 'approved'
            ELSE 'opened_after_cancel' END AS why,
       c.total_minor AS amount_minor, c.cancel_id AS members, coalesce(c.cancelled_by, 'unknown') AS cancelled_by,
       (c.event_us - c.cancel_us) / 1000000 AS seconds_since_cancel
FROM cancelled c
LEFT JOIN sold s ON s.event_id = c.event_id
WHERE c.nth = 1
