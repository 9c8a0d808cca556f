WITH large AS (
  SELECT a.event_id, sum(t.amount_minor) AS cash_minor
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN tenders t ON t.event_id = a.event_id AND t.tender_type = 'CASH' AND t.direction <> 'IN'
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
  HAVING sum(t.amount_minor) >= max(p.smallest_minor)
),
sold AS (
  SELECT l.event_id, s.event_id AS sale_id, sum(t.amount_minor - t.change_minor) AS paid_minor
  FROM large l
  JOIN anchor a ON a.event_id = l.event_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.kind IN ('SALE', 'EXCHANGE')
            AND s.event_us BETWEEN a.event_us - 86400000000 AND a.event_us AND s.operator_id <> a.operator_id
            AND (s.event_id = a.reference_event_id
                 OR (s.register_id = a.reference_register_id AND s.receipt_no = a.reference_receipt_no)
                 OR (s.register_id = a.reference_register_id AND s.sequence_no = a.reference_sequence_no
                     AND s.business_day = a.reference_business_day))
  JOIN tenders t ON t.event_id = s.event_id AND t.tender_type = 'CASH' AND t.direction = 'IN'
  WHERE NOT s.training AND NOT s.test
  GROUP BY l.event_id, s.event_id
),
best AS (
  SELECT event_id, sale_id, paid_minor, row_number() OVER (PARTITION BY event_id ORDER BY paid_minor DESC, sale_id) AS nth
  FROM sold
)
SELECT l.event_id AS anchor_id,
       CASE WHEN b.paid_minor >= l.cash_minor THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN b.paid_minor >= l.cash_minor THEN 'sold_for_cash_by_another' ELSE 'large_cash_refund' END AS why,
       l.cash_minor AS amount_minor
FROM large l
LEFT JOIN best b ON b.event_id = l.event_id AND b.nth = 1
