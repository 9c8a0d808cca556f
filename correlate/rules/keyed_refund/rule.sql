WITH keyed AS (
  SELECT a.event_id, sum(l.extended_minor) AS keyed_minor, count(l.line_no) AS items, max(l.description) AS item
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN lines l ON l.event_id = a.event_id AND l.action = 'RETURN' AND l.entry = 'KEYED'
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
  HAVING sum(l.extended_minor) >= max(p.smallest_minor)
),
cash AS (
  SELECT k.event_id, sum(t.amount_minor) AS cash_minor
  FROM keyed k
  JOIN tenders t ON t.event_id = k.event_id AND t.tender_type = 'CASH' AND t.direction <> 'IN'
  GROUP BY k.event_id
)
SELECT k.event_id AS anchor_id, 'fired' AS outcome, 'keyed_for_cash' AS why, k.keyed_minor AS amount_minor,
       concat(CAST(k.items AS VARCHAR), CASE WHEN k.items = 1 THEN ' item' ELSE ' items' END) AS items,
       coalesce(k.item, 'one without a name') AS item
FROM keyed k
JOIN cash c ON c.event_id = k.event_id
