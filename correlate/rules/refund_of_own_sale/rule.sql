WITH refunded AS (
  SELECT a.event_id, sum(t.amount_minor) AS cash_minor, max(p.smallest_minor) AS smallest_minor,
         max(p.within_seconds) AS within_seconds
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN tenders t ON t.event_id = a.event_id AND t.tender_type = 'CASH' AND t.direction <> 'IN'
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
),
sold AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.operator_id, a.event_us, r.cash_minor,
         a.supervisor_id <> a.operator_id AS approved, s.event_id AS sale_id, s.event_us AS sale_us, s.total_minor,
         s.receipt_no, row_number() OVER (PARTITION BY a.event_id ORDER BY s.event_us DESC, s.event_id) AS nth
  FROM refunded r
  JOIN anchor a ON a.event_id = r.event_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.kind = 'SALE'
            AND s.operator_id = a.operator_id
            AND s.event_us BETWEEN a.event_us - r.within_seconds * 1000000 AND a.event_us
            AND (s.event_id = a.reference_event_id
                 OR (s.register_id = a.reference_register_id AND s.receipt_no = a.reference_receipt_no)
                 OR (s.register_id = a.reference_register_id AND s.sequence_no = a.reference_sequence_no
                     AND s.business_day = a.reference_business_day))
  WHERE NOT s.training AND NOT s.test AND r.cash_minor >= r.smallest_minor
),
again AS (
  SELECT s.event_id, count(n.event_id) AS sales
  FROM sold s
  JOIN pos n ON n.tenant_id = s.tenant_id AND n.store_id = s.store_id AND n.operator_id = s.operator_id
            AND n.kind = 'SALE' AND n.event_id <> s.sale_id AND n.total_minor = s.total_minor
            AND n.event_us BETWEEN s.sale_us AND s.event_us AND NOT n.training AND NOT n.test
  WHERE s.nth = 1
  GROUP BY s.event_id
),
weighed AS (
  SELECT s.event_id, s.cash_minor, s.sale_id, s.receipt_no, (s.event_us - s.sale_us) / 60000000 AS minutes,
         CASE WHEN s.total_minor IS NULL THEN 'missing_total_minor'
              WHEN s.cash_minor < s.total_minor THEN 'part_of_the_sale'
              WHEN s.approved THEN 'approved'
              WHEN n.sales > 0 THEN 'rung_again'
              ELSE 'own_sale' END AS why
  FROM sold s
  LEFT JOIN again n ON n.event_id = s.event_id
  WHERE s.nth = 1
)
SELECT event_id AS anchor_id,
       CASE WHEN why = 'own_sale' THEN 'fired' WHEN why = 'missing_total_minor' THEN 'indeterminate' ELSE 'silent' END AS outcome,
       why, cash_minor AS amount_minor, sale_id AS members, minutes AS minutes_since_sale,
       coalesce(receipt_no, 'without a number') AS sale_receipt
FROM weighed
