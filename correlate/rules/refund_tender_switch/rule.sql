WITH refunded AS (
  SELECT a.event_id, sum(t.amount_minor) AS back_minor, max(p.smallest_minor) AS smallest_minor
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN tenders t ON t.event_id = a.event_id AND t.tender_type IN ('CASH', 'GIFT') AND t.direction <> 'IN'
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
),
sold AS (
  SELECT r.event_id, r.back_minor, r.smallest_minor, s.event_id AS sale_id, s.receipt_no, s.operator_id,
         row_number() OVER (PARTITION BY r.event_id ORDER BY s.event_us DESC, s.event_id) AS nth
  FROM refunded r
  JOIN anchor a ON a.event_id = r.event_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.kind = 'SALE'
            AND s.event_us BETWEEN a.event_us - 86400000000 AND a.event_us
            AND (s.event_id = a.reference_event_id
                 OR (s.register_id = a.reference_register_id AND s.receipt_no = a.reference_receipt_no)
                 OR (s.register_id = a.reference_register_id AND s.sequence_no = a.reference_sequence_no
                     AND s.business_day = a.reference_business_day))
  WHERE NOT s.training AND NOT s.test AND r.back_minor >= r.smallest_minor
),
paid AS (
  SELECT s.event_id,
         sum(CASE WHEN t.tender_type IN ('CREDIT', 'DEBIT', 'MOBILE') THEN t.amount_minor ELSE 0 END) AS card_minor,
         sum(CASE WHEN t.tender_type IN ('CASH', 'GIFT') THEN t.amount_minor - t.change_minor ELSE 0 END) AS so_minor
  FROM sold s
  JOIN tenders t ON t.event_id = s.sale_id AND t.direction = 'IN'
  WHERE s.nth = 1
  GROUP BY s.event_id
)
SELECT s.event_id AS anchor_id,
       CASE WHEN p.event_id IS NULL THEN 'indeterminate'
            WHEN p.card_minor > 0 AND s.back_minor - p.so_minor >= s.smallest_minor THEN 'fired'
            ELSE 'silent' END AS outcome,
       CASE WHEN p.event_id IS NULL THEN 'missing_tenders'
            WHEN p.card_minor = 0 THEN 'not_paid_by_card'
            WHEN s.back_minor - p.so_minor < s.smallest_minor THEN 'paid_that_way'
            ELSE 'tender_switched' END AS why,
       s.back_minor - p.so_minor AS amount_minor, s.sale_id AS members,
       coalesce(s.receipt_no, 'without a number') AS sale_receipt, coalesce(s.operator_id, 'unknown') AS sold_by
FROM sold s
LEFT JOIN paid p ON p.event_id = s.event_id
WHERE s.nth = 1
