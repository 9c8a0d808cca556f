WITH voided AS (
  SELECT a.event_id, s.event_id AS sale_id, s.total_minor, s.receipt_no, (a.event_us - s.event_us) / 60000000 AS minutes,
         p.smallest_minor, row_number() OVER (PARTITION BY a.event_id ORDER BY s.event_us DESC, s.event_id) AS nth
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.kind = 'SALE'
            AND s.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us
            AND (s.event_id = a.reference_event_id
                 OR (s.register_id = a.reference_register_id AND s.receipt_no = a.reference_receipt_no)
                 OR (s.register_id = a.reference_register_id AND s.sequence_no = a.reference_sequence_no
                     AND s.business_day = a.reference_business_day))
  WHERE NOT a.training AND NOT a.test AND NOT s.training
),
cash AS (
  SELECT v.event_id, v.sale_id, sum(t.amount_minor) AS amount_minor
  FROM voided v
  JOIN tenders t ON t.event_id = v.sale_id AND t.tender_type = 'CASH' AND t.direction = 'IN'
  WHERE v.nth = 1
  GROUP BY v.event_id, v.sale_id
)
SELECT v.event_id AS anchor_id,
       CASE WHEN c.sale_id IS NULL THEN 'silent'
            WHEN v.total_minor IS NULL THEN 'indeterminate'
            WHEN v.total_minor >= v.smallest_minor THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN c.sale_id IS NULL THEN 'not_paid_in_cash'
            WHEN v.total_minor IS NULL THEN 'missing_total_minor'
            WHEN v.total_minor < v.smallest_minor THEN 'small_amount'
            ELSE 'cash_sale_voided' END AS why,
       v.total_minor AS amount_minor,
       v.sale_id AS members,
       v.minutes AS minutes_since_sale,
       v.receipt_no AS sale_receipt
FROM voided v
LEFT JOIN cash c ON c.event_id = v.event_id AND c.sale_id = v.sale_id
WHERE v.nth = 1
